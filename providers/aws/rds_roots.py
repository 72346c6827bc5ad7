"""Has the root certificates by which RDS signs its servers' certificates, one for each region."""

from pathlib import Path

_FILE = Path(__file__).with_name("rds_roots.pem")
_END = "-----END CERTIFICATE-----\n"


def roots() -> dict[str, str]:
    """Returns each region's root certificate of the authority rds-ca-rsa2048-g1, in PEM."""
    found = {}
    for block in _FILE.read_text().split(_END)[:-1]:
        heading, _, certificate = block.partition("\n")
        found[heading.removeprefix("# ")] = certificate + _END
    return found


def root_of(region: str) -> str:
    """Returns the region's root certificate in PEM. Raises ValueError for a region whose root is not
    known here."""
    known = roots()
    if region not in known:
        raise ValueError(
            f"the root of RDS's certificates in {region} is not known here (known: "
            f"{', '.join(sorted(known))}): put it in nebula:platform.aws.postgres.ca, from "
            f"https://truststore.pki.rds.amazonaws.com/{region}/{region}-bundle.pem"
        )
    return known[region]
