"""X-Twilio-Signature: https://www.twilio.com/docs/usage/webhooks/webhooks-security"""

import base64
import hmac
from collections.abc import Mapping


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """HMAC-SHA1 of the URL and the fields of the form, sorted by name."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
