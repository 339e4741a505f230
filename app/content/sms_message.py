"""An SMS as it is handed to an adapter."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SmsText:
    """The text of one SMS, rendered. *variables* fill the places of a registered template: VAR1, VAR2 ..."""

    text: str
    dlt_template: str = ""  # id under which the template is registered in India, or at the provider
    variables: Mapping[str, str] = field(default_factory=dict)
