"""Starts RDS servers that a parked stack has stopped.

The provider stops one (`aws:rds/instanceDesiredState:InstanceDesiredState`), but waits for it to be
available before it would start it, which a stopped one never is:
https://github.com/hashicorp/terraform-provider-aws/issues/40785.
"""

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from providers.power import PowerError

_PACE = {"Delay": 15, "MaxAttempts": 120}


class RdsPower:
    """Starts the servers in `region` with the login of the SDK's environment. A stopped server gets half
    an hour to start."""

    type = "aws:rds/instanceDesiredState:InstanceDesiredState"
    running = "available"

    def __init__(self, region: str) -> None:
        self._region = region

    def start(self, identifier: str) -> None:
        try:
            client = boto3.session.Session(region_name=self._region).client("rds")
            (server,) = client.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
            if (status := server["DBInstanceStatus"]) == "stopping":
                raise PowerError(f"RDS is still stopping {identifier}, which takes some minutes.")
            if status == "stopped":
                client.start_db_instance(DBInstanceIdentifier=identifier)
            waiter = client.get_waiter("db_instance_available")
            waiter.wait(DBInstanceIdentifier=identifier, WaiterConfig=_PACE)
        except WaiterError as error:
            raise PowerError(f"RDS has not started {identifier} in time: {error}") from error
        except (ClientError, BotoCoreError) as error:
            raise PowerError(f"RDS did not start {identifier}: {error}") from error
