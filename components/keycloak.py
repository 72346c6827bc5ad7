"""Runs Keycloak with the realm `nebula`, its client `workspace`, its roles and its admin user."""

from dataclasses import dataclass, replace
from typing import Any

import pulumi

from components import jvm
from components.base import Http, Link, Password, Readiness, Workload
from components.declaration import Declaration, WorkloadDeclaration
from components.endpoints import KeycloakEndpoint, PostgresDatabase
from components.foundation import Foundation
from components.provisioning import converge
from components.sizing import WorkloadSize
from components.software import KEYCLOAK, PROVISIONER

REALM = "nebula"
CLIENT = "workspace"
TEST_CLIENT = "nebula-test"
_BOOTSTRAP = "nebula-bootstrap"
_ADMIN = "nebula-admin"
_ROLES = ("admin", "engineer", "analyst")


DECLARATION = Declaration(
    name="keycloak",
    needs=("postgres",),
    workloads={
        "keycloak": WorkloadDeclaration(
            sizes={
                "laptop": WorkloadSize(cpu=1, memory=768, heap=320),
                "small": WorkloadSize(cpu=1, memory=1280, heap=512),
                "production": WorkloadSize(cpu=2, memory=2048, heap=1024, replicas=2),
            },
            ports={"http": 28180, "management": 28181},
        ),
    },
    software=(KEYCLOAK,),
    tasks=(PROVISIONER,),
    database=True,
    exposable=True,
    external="oidc",
)


@dataclass(frozen=True, kw_only=True)
class KeycloakArgs:
    """The client `workspace` may send browsers back to `redirect_uris`. `test_client` adds a client that
    accepts a user's password directly, for tests of a laptop's stack."""

    foundation: Foundation
    database: PostgresDatabase
    redirect_uris: tuple[str, ...]
    test_client: bool = False


class Keycloak(pulumi.ComponentResource):
    """Runs Keycloak on Postgres, from its optimised build."""

    endpoint: KeycloakEndpoint

    def __init__(self, name: str, args: KeycloakArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("nebula:components:Keycloak", name, {}, opts)
        size = args.foundation.sizing["keycloak"]
        owner = args.database.auth
        if not isinstance(owner, Password):
            raise TypeError(f"Keycloak's database needs a user and a password, got {type(owner).__name__}")
        # Replicas find each other through the database, and copy sessions to one another.
        cluster = {"jgroups": 7800, "jgroups-fd": 57800} if size.replicas > 1 else {}
        bootstrap = args.foundation.secrets.random(f"{name}-bootstrap", self)
        admin = args.foundation.secrets.random(f"{name}-admin", self)
        address = args.foundation.cluster.address(name, "http", 8080)
        server = args.foundation.cluster.run(
            Workload(
                name=name,
                software=KEYCLOAK,
                command=("server", "start", "--optimized"),
                env={
                    "KC_HTTP_ENABLED": "true",
                    "KC_HTTP_HOST": "{bind}",
                    "KC_HTTP_PORT": "{port.http}",
                    "KC_HTTP_MANAGEMENT_PORT": "{port.management}",
                    "KC_HTTP_MANAGEMENT_SCHEME": "http",
                    "KC_HOSTNAME": address.outside.url(),
                    "KC_HOSTNAME_BACKCHANNEL_DYNAMIC": "true",
                    **({"KC_PROXY_HEADERS": "xforwarded"} if address.exposed else {}),
                    "KC_CACHE": "local" if size.replicas == 1 else "ispn",
                    "KC_DB_URL": args.database.jdbc_url,
                    "KC_DB_USERNAME": owner.username,
                    "KC_DB_POOL_INITIAL_SIZE": "1",
                    "KC_DB_POOL_MAX_SIZE": "20",
                    "KC_BOOTSTRAP_ADMIN_USERNAME": _BOOTSTRAP,
                    # Quarkus says in one line that the server is up, and where.
                    "KC_LOG_LEVEL": "warn,io.quarkus:info",
                },
                files={
                    "jvm.options": jvm.options(size.heap, "-XX:MaxMetaspaceSize=256m"),
                    **args.database.ca_files,
                },
                secret_env={"KC_DB_PASSWORD": owner.password, "KC_BOOTSTRAP_ADMIN_PASSWORD": bootstrap},
                ports={"http": 8080, "management": 9000, **cluster},
                writable=("{home}/data",),
                triggers={"database": args.database.volume},
                links=(Link(args.database, ("sql",)),),
                replicas=size.replicas,
                readiness=Readiness(
                    Http("management", "/health/ready"),
                    deadline=300,
                    alive=Http("management", "/health/live"),
                ),
                resources=size.resources,
            ),
            self,
        )
        bare = KeycloakEndpoint(
            component=name,
            workloads=(name,),
            depends_on=(server.resource,),
            auth=Password(_ADMIN, admin),
            address=server.addresses["http"],
            issuer=server.addresses["http"].outside.url("http", f"/realms/{REALM}"),
            client=CLIENT,
            realm=REALM,
        )
        realm = converge(
            f"{name}-realm",
            {
                "service": "keycloak",
                "url": bare.address.inside.url(),
                "user": _BOOTSTRAP,
                "password": bootstrap,
                "realm": REALM,
                "display_name": "Nebula",
                "roles": list(_ROLES),
                "clients": _clients(args),
                "users": [
                    {
                        "username": _ADMIN,
                        "password": admin,
                        "roles": list(_ROLES),
                        "client_roles": {"realm-management": ["realm-admin"]},
                    }
                ],
            },
            foundation=args.foundation,
            link=Link(bare, ("http",)),
            parent=self,
            volume=args.database.volume,
        )
        self.endpoint = replace(bare, depends_on=(server.resource, realm.resource))
        self.register_outputs({"url": bare.address.outside.url()})


def _clients(args: KeycloakArgs) -> list[dict[str, Any]]:
    workspace = {
        "id": CLIENT,
        "public": True,
        "redirect_uris": list(args.redirect_uris),
        "web_origins": ["+"],
        "audience": REALM,
    }
    test = {"id": TEST_CLIENT, "public": True, "direct_grants": True, "audience": REALM}
    return [workspace, test] if args.test_client else [workspace]
