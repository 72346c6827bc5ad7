"""Keycloak: a realm, its roles, clients and users."""

from typing import Any
from urllib.parse import urlsplit

import requests
from keycloak import KeycloakAdmin
from keycloak.exceptions import KeycloakError, KeycloakGetError

from apps.provisioner.changes import Changes
from apps.provisioner.errors import LoginError, ProvisionError, one_line
from apps.provisioner.specs import Client, KeycloakSpec, User
from apps.provisioner.waiting import CONNECT_SECONDS, wait_for_server

Representation = dict[str, Any]

_ANSWER_SECONDS = 30
# A realm is some hundred rows; on a busy machine that took more than 30 s. The client repeats what it has
# no answer to, and a realm that comes twice is refused.
_CHANGE_SECONDS = 120
_PASSWORD_VERSION = "password_version"


def converge(spec: KeycloakSpec, changes: Changes) -> None:
    """Realm, roles, clients, users. Raises ProvisionError."""
    admin = _login(spec)
    try:
        _ensure_realm(admin, spec, changes)
        _ensure_profile(admin, changes)
        _ensure_roles(admin, spec, changes)
        for client in spec.clients:
            _ensure_client(admin, client, changes)
        for user in spec.users:
            _ensure_user(admin, spec.realm, user, changes)
    except KeycloakError as error:
        raise ProvisionError(
            f"Keycloak at {_address(spec)}, realm {spec.realm}: {one_line(error)}"
        ) from error


def _login(spec: KeycloakSpec) -> KeycloakAdmin:
    verify: bool | str = spec.ca_file or True

    def answers() -> None:
        requests.get(
            f"{spec.url}/realms/master", verify=verify, timeout=(CONNECT_SECONDS, _ANSWER_SECONDS)
        ).raise_for_status()

    wait_for_server(
        "Keycloak",
        _address(spec),
        answers,
        lambda error: isinstance(error, requests.RequestException),
        spec.wait_seconds,
    )
    admin = KeycloakAdmin(
        server_url=spec.url,
        username=spec.user,
        password=spec.password.get_secret_value(),
        realm_name=spec.realm,
        user_realm_name="master",
        verify=verify,
        timeout=_CHANGE_SECONDS,
    )
    try:
        admin.connection.get_token()
    except KeycloakError as error:
        if error.response_code != 401 and "invalid_grant" not in str(error):
            raise ProvisionError(f"Keycloak at {_address(spec)}, login: {one_line(error)}") from error
        raise LoginError(
            f"Keycloak at {_address(spec)} refused the administrator {spec.user!r}: check user and password "
            "against the bootstrap administrator of its first start (later changes of that do nothing)"
        ) from error
    return admin


def _ensure_realm(admin: KeycloakAdmin, spec: KeycloakSpec, changes: Changes) -> None:
    declared: Representation = {
        "realm": spec.realm,
        "enabled": True,
        "sslRequired": "external",
        "registrationAllowed": False,
        "bruteForceProtected": True,
        "permanentLockout": False,
        "failureFactor": 10,
        "accessTokenLifespan": spec.access_token_seconds,
        "ssoSessionIdleTimeout": spec.session_idle_seconds,
        "ssoSessionMaxLifespan": spec.session_max_seconds,
    }
    if spec.display_name is not None:
        declared["displayName"] = spec.display_name
    try:
        present = admin.get_realm(spec.realm)
    except KeycloakGetError as error:
        if error.response_code != 404:
            raise
        admin.create_realm(declared)
        changes.add(f"created realm {spec.realm}")
        # The token was issued before the realm was there, so it carries no role in it.
        admin.connection.get_token()
        return
    if differing := _differing(declared, present):
        admin.update_realm(spec.realm, declared)
        changes.add(f"changed realm {spec.realm}: {', '.join(differing)}")


def _ensure_profile(admin: KeycloakAdmin, changes: Changes) -> None:
    """Declare the attribute that `_ensure_password` keeps, which only administrators see: Keycloak
    drops attributes that the realm's user profile does not know."""
    profile = admin.get_realm_users_profile()
    if any(attribute["name"] == _PASSWORD_VERSION for attribute in profile["attributes"]):
        return
    only_admins = {"view": ["admin"], "edit": ["admin"]}
    attribute = {"name": _PASSWORD_VERSION, "displayName": "Password version", "permissions": only_admins}
    admin.update_realm_users_profile({**profile, "attributes": [*profile["attributes"], attribute]})
    changes.add(f"added attribute {_PASSWORD_VERSION} to the user profile")


def _ensure_roles(admin: KeycloakAdmin, spec: KeycloakSpec, changes: Changes) -> None:
    present = {role["name"] for role in admin.get_realm_roles()}
    for role in spec.roles:
        if role not in present:
            admin.create_realm_role({"name": role})
            changes.add(f"created role {role}")


def _ensure_client(admin: KeycloakAdmin, client: Client, changes: Changes) -> None:
    declared: Representation = {
        "clientId": client.id,
        "protocol": "openid-connect",
        "enabled": True,
        "publicClient": client.public,
        "standardFlowEnabled": bool(client.redirect_uris),
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": client.direct_grants,
        "serviceAccountsEnabled": client.service_account,
        "redirectUris": list(client.redirect_uris),
        "webOrigins": list(client.web_origins),
        "attributes": {"post.logout.redirect.uris": "+"},
    }
    if client.public:
        declared["attributes"]["pkce.code.challenge.method"] = "S256"
    if client.secret is not None:
        declared["secret"] = client.secret.get_secret_value()
    identifier = admin.get_client_id(client.id)
    if identifier is None:
        identifier = admin.create_client(declared)
        changes.add(f"created client {client.id}")
    else:
        present = admin.get_client(identifier)
        if differing := _differing(declared, present):
            attributes = {**present.get("attributes", {}), **declared["attributes"]}
            admin.update_client(identifier, {**present, **declared, "attributes": attributes})
            changes.add(f"changed client {client.id}: {', '.join(differing)}")
    if client.audience is not None:
        _ensure_audience(admin, identifier, client.id, client.audience, changes)


def _ensure_audience(
    admin: KeycloakAdmin, identifier: str, client: str, audience: str, changes: Changes
) -> None:
    declared: Representation = {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {
            "included.custom.audience": audience,
            "access.token.claim": "true",
            "introspection.token.claim": "true",
            "id.token.claim": "false",
        },
    }
    mappers = {mapper["name"]: mapper for mapper in admin.get_mappers_from_client(identifier)}
    present = mappers.get(declared["name"])
    if present is None:
        admin.add_mapper_to_client(identifier, declared)
        changes.add(f"client {client}: tokens carry audience {audience}")
    elif _differing(declared, present):
        admin.update_client_mapper(identifier, present["id"], {**present, **declared})
        changes.add(f"client {client}: audience changed to {audience}")


def _ensure_user(admin: KeycloakAdmin, realm: str, user: User, changes: Changes) -> None:
    found = admin.get_users({"username": user.username, "exact": "true"})
    if found:
        identifier = found[0]["id"]
        _ensure_names(admin, identifier, user, changes)
        _ensure_password(admin, identifier, user, changes)
    else:
        identifier = admin.create_user(
            {
                "username": user.username,
                "enabled": True,
                "email": user.email or f"{user.username}@{realm}.invalid",
                "emailVerified": True,
                "firstName": user.first_name or user.username,
                "lastName": user.last_name or user.username,
                "attributes": {_PASSWORD_VERSION: [user.password_version]},
                "credentials": [_credential(user)],
            }
        )
        changes.add(f"created user {user.username}")
    _ensure_user_roles(admin, identifier, user, changes)


def _credential(user: User) -> Representation:
    return {"type": "password", "value": user.password.get_secret_value(), "temporary": False}


def _ensure_names(admin: KeycloakAdmin, identifier: str, user: User, changes: Changes) -> None:
    names = {"email": user.email, "firstName": user.first_name, "lastName": user.last_name}
    declared = {key: value for key, value in names.items() if value is not None}
    present = admin.get_user(identifier)
    if differing := _differing(declared, present):
        admin.update_user(identifier, {**present, **declared})
        changes.add(f"changed user {user.username}: {', '.join(differing)}")


def _ensure_password(admin: KeycloakAdmin, identifier: str, user: User, changes: Changes) -> None:
    """Set the password when its version differs: Keycloak tells nobody whether a password is right,
    and the user may have changed it since."""
    present = admin.get_user(identifier)
    attributes = present.get("attributes", {})
    if attributes.get(_PASSWORD_VERSION) == [user.password_version]:
        return
    admin.set_user_password(identifier, user.password.get_secret_value(), temporary=False)
    admin.update_user(
        identifier, {**present, "attributes": {**attributes, _PASSWORD_VERSION: [user.password_version]}}
    )
    changes.add(f"set the password of user {user.username}")


def _ensure_user_roles(admin: KeycloakAdmin, identifier: str, user: User, changes: Changes) -> None:
    present = {role["name"] for role in admin.get_realm_roles_of_user(identifier)}
    if missing := [role for role in user.roles if role not in present]:
        admin.assign_realm_roles(identifier, [admin.get_realm_role(role) for role in missing])
        changes.add(f"gave user {user.username} {', '.join(missing)}")
    for client, roles in user.client_roles.items():
        client_identifier = admin.get_client_id(client)
        if client_identifier is None:
            raise ProvisionError(
                f"user {user.username}: the realm has no client {client!r}: "
                "correct `client_roles` or declare it"
            )
        held = {role["name"] for role in admin.get_client_roles_of_user(identifier, client_identifier)}
        if missing := [role for role in roles if role not in held]:
            wanted = [admin.get_client_role(client_identifier, role) for role in missing]
            admin.assign_client_role(identifier, client_identifier, wanted)
            changes.add(f"gave user {user.username} {', '.join(f'{client}/{role}' for role in missing)}")


def _differing(declared: Representation, present: Representation) -> list[str]:
    """The keys of `declared` that `present` does not hold; lists are compared without their order."""
    return [key for key, value in declared.items() if not _holds(present.get(key), value)]


def _holds(present: Any, declared: Any) -> bool:
    if isinstance(declared, dict):
        return isinstance(present, dict) and not _differing(declared, present)
    if isinstance(declared, list):
        return sorted(present or []) == sorted(declared)
    return bool(present == declared)


def _address(spec: KeycloakSpec) -> str:
    return urlsplit(spec.url).netloc
