"""The realm restricts who can log in, how, and how often they can try."""

import base64
import json
from typing import Any

import pytest
from keycloak import KeycloakAdmin, KeycloakOpenID
from keycloak.exceptions import KeycloakPostError

from tests.e2e.full import FullStack, eventually

_WRONG_PASSWORDS = 10
"""After so many Keycloak locks an account, whatever the time between them."""


def login(full: FullStack, client: str, username: str, password: str) -> dict[str, Any]:
    """Log in by a direct grant, and return the claims of the token."""
    endpoint = full.endpoint("keycloak")
    openid = KeycloakOpenID(
        server_url=endpoint["url"], realm_name=endpoint["realm"], client_id=client, timeout=30
    )
    token = openid.token(username, password)["access_token"]
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def test_admin_of_the_realm_logs_in_through_the_test_client(full: FullStack) -> None:
    endpoint, admin = full.endpoint("keycloak"), full.credentials("keycloak")
    claims = login(full, "nebula-test", admin["username"], admin["password"])
    assert endpoint["realm"] == "nebula"
    assert admin["username"] == claims["preferred_username"] == "nebula-admin"
    assert claims["iss"] == endpoint["issuer"]
    assert "nebula" in ([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"])
    assert {"admin", "engineer", "analyst"} <= set(claims["realm_access"]["roles"])


def test_workspace_client_refuses_direct_grants(full: FullStack) -> None:
    admin = full.credentials("keycloak")
    with pytest.raises(KeycloakPostError, match="direct access grants"):
        login(full, full.endpoint("keycloak")["client"], admin["username"], admin["password"])


def test_wrong_passwords_lock_an_account(full: FullStack) -> None:
    endpoint, credentials = full.endpoint("keycloak"), full.credentials("keycloak")
    admin = KeycloakAdmin(
        server_url=endpoint["url"],
        username=credentials["username"],
        password=credentials["password"],
        realm_name=endpoint["realm"],
        client_id="nebula-test",
        timeout=30,
    )
    user = admin.create_user(
        {
            "username": "victim",
            "enabled": True,
            "email": "victim@nebula.invalid",
            "emailVerified": True,
            "firstName": "A",
            "lastName": "Victim",
            "credentials": [{"type": "password", "value": "right-password", "temporary": False}],
        }
    )
    try:
        assert login(full, "nebula-test", "victim", "right-password")["preferred_username"] == "victim"
        for _ in range(_WRONG_PASSWORDS):
            with pytest.raises(KeycloakPostError):
                login(full, "nebula-test", "victim", "wrong")
        # Failures are counted after the answer was given.
        for attempt in eventually(30):
            with attempt:
                assert admin.get_bruteforce_detection_status(user)["disabled"]
        with pytest.raises(KeycloakPostError):
            login(full, "nebula-test", "victim", "right-password")
    finally:
        admin.delete_user(user)
