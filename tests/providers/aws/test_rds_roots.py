"""The roots of RDS's certificates that come with the project."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from providers.aws.rds_roots import root_of, roots


@pytest.mark.parametrize("region", sorted(roots()))
def test_root_is_the_regions_own_and_signed_by_itself(region: str) -> None:
    (certificate,) = x509.load_pem_x509_certificates(root_of(region).encode())
    (name,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert name.value == f"Amazon RDS {region} Root CA RSA2048 G1"
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_after_utc > datetime.now(UTC)


def test_region_without_a_root_is_told_where_to_find_it() -> None:
    with pytest.raises(ValueError, match=r"us-gov-west-1-bundle\.pem"):
        root_of("us-gov-west-1")
