"""The simulated SES against botocore, which knows nothing of us."""

import asyncio
import base64
import json
from email.message import EmailMessage
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from app.local.sink_read import load
from tests.simulators.conftest import MESSAGE, Got, House

TAGS = [{"Name": "msg_id", "Value": MESSAGE}, {"Name": "attempt", "Value": "1"}]


def client_of(house: House, secret: str = "", region: str = "us-east-1") -> Any:
    """botocore's client with our account."""
    return botocore.session.get_session().create_client(
        "sesv2", region_name=region, endpoint_url=house.url("ses"),
        aws_access_key_id=house.keys.text("ses-access-key"),
        aws_secret_access_key=secret or house.keys.text("ses-secret-key"),
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


def raw(to: str = "ann@example.com") -> dict[str, Any]:
    """A mail as it is."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Acme <news@example.com>", to, "Grüße"
    mail.set_content("Hello")
    return {"Raw": {"Data": bytes(mail)}}


async def send(house: House, secret: str = "", region: str = "us-east-1", **changes: Any) -> Any:
    """What botocore gets for a mail."""
    said = {"Content": raw(), "EmailTags": TAGS, "ConfigurationSetName": "fanfare"} | changes
    return await asyncio.to_thread(client_of(house, secret, region).send_email, **said)


def signed_by(got: Got, certificate: str) -> bool:
    """Whether the notification was signed by the key of *certificate*: as SNS documents it."""
    told = json.loads(got.body)
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    text = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(told["Signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return True


async def test_botocore_sends_and_notifications_are_signed(house: House) -> None:
    """Signature, answer, record and events fit together as the real ones do."""
    answer = await send(house, Destination={"ToAddresses": ["Ann <ann@example.com>"]})
    assert [(each.message, each.address) for each in load(house.folder / "ses.txt")] == [(MESSAGE, "ann@example.com")]
    await house.until(lambda: len(house.place.got) == 2)
    certificate = house.keys.certificate()
    told = [json.loads(json.loads(got.body)["Message"]) for got in house.place.got if signed_by(got, certificate)]
    assert {each["eventType"] for each in told} == {"Send", "Delivery"}
    assert {each["mail"]["messageId"] for each in told} == {answer["MessageId"]}
    assert all(each["mail"]["tags"]["msg_id"] == [MESSAGE] for each in told)
    assert {each["mail"]["commonHeaders"]["subject"] for each in told} == {"Grüße"}


async def test_botocore_reads_insights_and_the_account(house: House) -> None:
    """With the type, the class and the diagnostic of a bounce."""
    answer = await send(house, Destination={"ToAddresses": ["bounce+9@example.com"]})
    await house.until(lambda: len(house.place.got) == 2)
    client = client_of(house)
    found = await asyncio.to_thread(client.get_message_insights, MessageId=answer["MessageId"])
    events = found["Insights"][0]["Events"]
    assert [each["Type"] for each in events] == ["SEND", "BOUNCE"]
    assert events[1]["Details"]["Bounce"]["BounceType"] == "PERMANENT"
    assert {tag["Name"]: tag["Value"] for tag in found["EmailTags"]}["msg_id"] == MESSAGE
    assert (await asyncio.to_thread(client.get_account))["SendingEnabled"] is True
    with pytest.raises(client.exceptions.NotFoundException):
        await asyncio.to_thread(client.get_message_insights, MessageId="0100-nothing")


async def test_a_suppressed_address_gets_nothing(house: House) -> None:
    """PUT, GET with an address that has to be encoded, list, DELETE; mail to it bounces as suppressed."""
    client, who = client_of(house), "o'hara+x@example.com"
    await asyncio.to_thread(client.put_suppressed_destination, EmailAddress=who, Reason="COMPLAINT")
    listed = await asyncio.to_thread(client.list_suppressed_destinations, Reasons=["COMPLAINT", "BOUNCE"])
    assert [each["EmailAddress"] for each in listed["SuppressedDestinationSummaries"]] == [who]
    await send(house, Destination={"ToAddresses": [who]})
    await house.until(lambda: len(house.place.got) == 2)
    told = [json.loads(json.loads(got.body)["Message"]) for got in house.place.got]
    assert [each["bounce"]["bounceSubType"] for each in told if "bounce" in each] == ["OnAccountSuppressionList"]
    await asyncio.to_thread(client.delete_suppressed_destination, EmailAddress=who)
    with pytest.raises(client.exceptions.NotFoundException):
        await asyncio.to_thread(client.get_suppressed_destination, EmailAddress=who)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret": "wrong"}, "SignatureDoesNotMatch"),
        ({"region": "eu-west-1"}, "InvalidSignatureException"),
        ({"Destination": {"ToAddresses": ["p@example.com"] * 51}}, "BadRequestException"),
        ({"Destination": {"ToAddresses": ["nobody"]}}, "BadRequestException"),
        ({"Destination": {"ToAddresses": ["refused@example.com"]}}, "BadRequestException"),
        ({"EmailTags": [{"Name": "campaign", "Value": "größer"}]}, "BadRequestException"),
        ({"EmailTags": [{"Name": "ses:x", "Value": "y"}]}, "BadRequestException"),
        ({"EmailTags": [*TAGS, *TAGS]}, "BadRequestException"),
        ({"ConfigurationSetName": "missing"}, "NotFoundException"),
        ({"Content": {"Raw": {"Data": b"no mail"}}}, "MessageRejected"),
        ({"Content": {"Raw": {"Data": b"x"}, "Simple": {"Subject": {"Data": "x"}, "Body": {}}}}, "BadRequestException"),
    ],
)
async def test_what_the_real_one_refuses_is_refused(house: House, changes: dict[str, Any], code: str) -> None:
    """By the type of the error, which is what adapters go by."""
    with pytest.raises(ClientError) as refused:
        await send(house, **changes)
    assert refused.value.response["Error"]["Code"] == code
    assert load(house.folder / "ses.txt") == []


@pytest.mark.parametrize(
    ("kind", "code"), [("throttle", "TooManyRequestsException"), ("paused", "SendingPausedException")]
)
async def test_errors_on_order_are_those_that_botocore_knows(house: House, kind: str, code: str) -> None:
    """In header and body as restjson has them."""
    await house.order("ses", errors={kind: 1.0})
    with pytest.raises(ClientError) as refused:
        await send(house)
    assert refused.value.response["Error"]["Code"] == code


async def test_an_old_signature_is_refused(house: House) -> None:
    """A call that somebody has kept is not carried out an hour later."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    account = Credentials(house.keys.text("ses-access-key"), house.keys.text("ses-secret-key"))
    request = AWSRequest("GET", f"{house.url('ses')}/v2/email/account")
    SigV4Auth(account, "ses", "us-east-1").add_auth(request)
    signed = dict(request.prepare().headers)
    async with house.session.get(request.url, headers=signed) as answer:
        assert answer.status == 200
    simulator = house.simulator("ses")
    from app.local.simulators.call import Call, RefusedError

    call = Call("GET", "/v2/email/account", "", signed, b"", 4e9, "/ses/v2/email/account", "")
    with pytest.raises(RefusedError) as refused:
        simulator.answer(call)
    assert refused.value.reply.headers["x-amzn-errortype"] == "RequestExpired"


async def test_a_new_subscriber_is_asked_to_confirm(house: House) -> None:
    """With a URL at SNS."""
    async with house.session.post(f"http://127.0.0.1:{house.port}/control/ses/subscribe", json={}) as answer:
        assert answer.status == 200
    await house.until(lambda: len(house.place.got) == 1)
    told = json.loads(house.place.got[0].body)
    assert told["Type"] == "SubscriptionConfirmation"
    assert told["SubscribeURL"].startswith("https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription")
