"""Notifications of Amazon SNS, signed: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html"""

import base64
import uuid
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


class Sns:
    """One topic, with the key that signs for it."""

    def __init__(self, key: rsa.RSAPrivateKey, topic: str) -> None:
        self._key, self._topic = key, topic
        self._host = f"https://sns.{topic.split(':')[3]}.amazonaws.com"

    def notification(self, message: str, name: str, at: float) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a notification. The same *name* gives the same MessageId."""
        told = {
            "Type": "Notification",
            "MessageId": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            "TopicArn": self._topic,
            "Subject": "Amazon SES Email Event Notification",
            "Message": message,
            "Timestamp": iso(at),
        }
        told["UnsubscribeURL"] = f"{self._host}/?Action=Unsubscribe&SubscriptionArn={self._topic}:1"
        return self._sent(told)

    def confirmation(self, at: float) -> tuple[bytes, dict[str, str]]:
        """Body and headers of what SNS sends to a new subscriber."""
        token = uuid.uuid4().hex * 5
        text = f"You have chosen to subscribe to the topic {self._topic}.\nTo confirm the subscription, visit the "
        return self._sent({
            "Type": "SubscriptionConfirmation", "MessageId": str(uuid.uuid4()), "Token": token,
            "TopicArn": self._topic, "Message": f"{text}SubscribeURL included in this message.",
            "SubscribeURL": f"{self._host}/?Action=ConfirmSubscription&TopicArn={self._topic}&Token={token}",
            "Timestamp": iso(at),
        })  # fmt: skip

    def _sent(self, told: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        signed = "".join(f"{name}\n{told[name]}\n" for name in SIGNED[told["Type"]] if name in told)
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        told |= {
            "SignatureVersion": "2", "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": f"{self._host}/SimpleNotificationService-0000000000000000000000000000fafa.pem",
        }  # fmt: skip
        headers = {
            "Content-Type": "text/plain; charset=UTF-8", "User-Agent": "Amazon Simple Notification Service Agent",
            "x-amz-sns-message-type": told["Type"], "x-amz-sns-message-id": told["MessageId"],
            "x-amz-sns-topic-arn": self._topic, "x-amz-sns-subscription-arn": f"{self._topic}:1",
        }  # fmt: skip
        return msgspec.json.encode(told), headers


def iso(at: float) -> str:
    """*at* as AWS writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
