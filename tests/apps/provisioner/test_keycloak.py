import base64
import json
from typing import Any

import pytest
import requests
from keycloak import KeycloakAdmin

from tests.apps.provisioner.conftest import Declared, Provision, mint

ADMIN_PASSWORD = mint()


@pytest.fixture
def spec(keycloak: Declared) -> dict[str, Any]:
    return {
        **keycloak,
        "display_name": "Nebula",
        "roles": ["admin", "analyst"],
        "clients": [
            {
                "id": "workspace",
                "redirect_uris": ["http://127.0.0.1:28000/*"],
                "web_origins": ["+"],
                "audience": "nebula",
            },
            {"id": "local-test", "direct_grants": True, "audience": "nebula"},
            {"id": "control-plane", "public": False, "secret": "f" * 32, "service_account": True},
        ],
        "users": [
            {
                "username": "nebula-admin",
                "password": ADMIN_PASSWORD,
                "roles": ["admin"],
                "client_roles": {"realm-management": ["realm-admin"]},
            }
        ],
    }


@pytest.fixture
def admin(spec: dict[str, Any], provision: Provision) -> KeycloakAdmin:
    """An administrator's client of the realm, once it is there."""
    assert provision(spec).code == 0
    return KeycloakAdmin(
        server_url=spec["url"],
        username=spec["user"],
        password=spec["password"],
        realm_name=spec["realm"],
        user_realm_name="master",
    )


def token(spec: dict[str, Any], **form: str) -> requests.Response:
    return requests.post(
        f"{spec['url']}/realms/{spec['realm']}/protocol/openid-connect/token", data=form, timeout=30
    )


def password_grant(spec: dict[str, Any], client: str, password: str) -> requests.Response:
    return token(spec, grant_type="password", client_id=client, username="nebula-admin", password=password)


def claims(response: requests.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    payload = response.json()["access_token"].split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def test_a_second_run_changes_nothing(spec: dict[str, Any], provision: Provision) -> None:
    first = provision(spec)
    assert "created user nebula-admin" in first.changed
    again = provision(spec)
    assert again.changed == []
    assert again.stdout.splitlines()[-1] == "nothing to change"


def test_the_realm_protects_itself(admin: KeycloakAdmin, spec: dict[str, Any]) -> None:
    realm = admin.get_realm(spec["realm"])
    assert realm["bruteForceProtected"] is True
    assert realm["sslRequired"] == "external"
    assert realm["registrationAllowed"] is False
    assert realm["accessTokenLifespan"] == 300
    workspace = admin.get_client(str(admin.get_client_id("workspace")))
    assert workspace["publicClient"] is True
    assert workspace["directAccessGrantsEnabled"] is False
    assert workspace["attributes"]["pkce.code.challenge.method"] == "S256"


def test_only_the_test_client_grants_for_a_password(admin: KeycloakAdmin, spec: dict[str, Any]) -> None:
    granted = claims(password_grant(spec, "local-test", ADMIN_PASSWORD))
    audience = granted["aud"]
    assert "nebula" in ([audience] if isinstance(audience, str) else audience)
    assert "admin" in granted["realm_access"]["roles"]
    refused = password_grant(spec, "workspace", ADMIN_PASSWORD)
    assert refused.json()["error"] == "unauthorized_client"


def test_a_service_account_logs_in_with_the_secret(admin: KeycloakAdmin, spec: dict[str, Any]) -> None:
    login = {"grant_type": "client_credentials", "client_id": "control-plane"}
    assert claims(token(spec, **login, client_secret="f" * 32))["azp"] == "control-plane"
    assert token(spec, **login, client_secret=mint()).status_code == 401


def test_a_password_is_set_again_only_when_its_version_differs(
    admin: KeycloakAdmin, spec: dict[str, Any], provision: Provision
) -> None:
    identifier = admin.get_user_id("nebula-admin")
    assert identifier is not None
    chosen = mint()
    admin.set_user_password(identifier, chosen, temporary=False)
    assert provision(spec).changed == []
    assert password_grant(spec, "local-test", chosen).status_code == 200
    (user,) = spec["users"]
    newer = {**spec, "users": [{**user, "password_version": "2"}]}
    assert provision(newer).changed == ["set the password of user nebula-admin"]
    assert password_grant(spec, "local-test", ADMIN_PASSWORD).status_code == 200
    assert provision(newer).changed == []
    assert provision(spec).code == 0


def test_what_was_changed_by_hand_is_put_right(
    admin: KeycloakAdmin, spec: dict[str, Any], provision: Provision
) -> None:
    admin.update_realm(spec["realm"], {"realm": spec["realm"], "bruteForceProtected": False})
    identifier = str(admin.get_client_id("workspace"))
    edited = {
        **admin.get_client(identifier),
        "directAccessGrantsEnabled": True,
        "redirectUris": ["http://evil/*"],
    }
    admin.update_client(identifier, edited)
    assert provision(spec).changed == [
        "changed realm nebula: bruteForceProtected",
        "changed client workspace: directAccessGrantsEnabled, redirectUris",
    ]


def test_what_is_declared_no_more_is_kept(
    admin: KeycloakAdmin, keycloak: Declared, spec: dict[str, Any], provision: Provision
) -> None:
    assert provision({**keycloak, "display_name": "Nebula"}).changed == []
    assert password_grant(spec, "local-test", ADMIN_PASSWORD).status_code == 200


def test_wrong_credentials_end_at_once_and_name_the_server(
    admin: KeycloakAdmin, spec: dict[str, Any], provision: Provision
) -> None:
    run = provision({**spec, "password": mint(), "wait_seconds": 600})
    assert run.code == 1
    address = spec["url"].removeprefix("http://")
    assert f"Keycloak at {address} refused the administrator 'bootstrap'" in run.stderr
    assert len(run.stderr.splitlines()) == 1
