"""`fanfare mx`: what is told of a domain, and that it is what sealing would decide."""

from app.cli.mx import _shown
from app.clickhouse.mx_domains import Known, Tried
from app.delivery.mx_groups import Mail


def test_a_domain_is_told_with_its_origin() -> None:
    """Who wonders why a limit does not hold for a domain sees which group it has, and since when."""
    known = Known("firm.de", Mail.MX, "gmail", ["aspmx.l.google.com"], 1_000.0, 90_000.0)
    tried = Tried("firm.de", "no answer in time", 2_000.0, 2_900.0)
    by_look_up = _shown("firm.de", set(), known, None)
    assert (by_look_up["group"], by_look_up["from"], by_look_up["hosts"]) == ("gmail", "its MX hosts", known.hosts)
    assert (by_look_up["asked_at"], by_look_up["asked_again_at"]) == ("1970-01-01T00:16:40Z", "1970-01-02T01:00:00Z")
    later = _shown("firm.de", set(), known, tried)
    assert (
        later["group"] == "gmail" and "in vain" in later["note"] and later["asked_again_at"] == "1970-01-01T00:48:20Z"
    )
    assert _shown("firm.de", {"firm.de"}, known, None)["group"] == "firm.de"
    assert _shown("gmx.de", {"gmx.de"}, None, None)["group"] == "gmx"
    nobody = Known("null.de", Mail.NULL, "", [], 1_000.0, 90_000.0)
    assert _shown("null.de", set(), nobody, None)["from"] == "takes no mail (null MX)"
    assert _shown("new.de", set(), None, tried)["from"] == "not looked up yet"
