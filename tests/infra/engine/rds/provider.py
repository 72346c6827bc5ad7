"""Stand-in for the AWS provider's `InstanceDesiredState` over an account that boto3 reaches, as its source
reads: it waits for a server to be available before it changes anything, and so starts none that is stopped;
a Read says what the server does; a Delete does nothing."""

from concurrent import futures
from typing import Any

import boto3
import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from infra.plugins.standin.provider import StandIn
from providers.local.plugin.properties import Properties, differences, from_struct, to_struct


class Rds(StandIn):
    def __init__(self) -> None:
        super().__init__("aws")
        self._client = boto3.client("rds", region_name="us-east-1")

    def Diff(self, request: Any, context: Any) -> Any:
        changed = list(differences(from_struct(request.olds), from_struct(request.news)))
        response = provider_pb2.DiffResponse
        return response(changes=response.DIFF_SOME if changed else response.DIFF_NONE, diffs=changed)

    def Create(self, request: Any, context: Any) -> Any:
        if not request.preview:
            self._change(from_struct(request.properties), context)
        return provider_pb2.CreateResponse(id="power", properties=request.properties)

    def Update(self, request: Any, context: Any) -> Any:
        if not request.preview:
            self._change(from_struct(request.news), context)
        return provider_pb2.UpdateResponse(properties=request.news)

    def Read(self, request: Any, context: Any) -> Any:
        found = from_struct(request.properties)
        found = to_struct({**found, "state": self._status(found)})
        return provider_pb2.ReadResponse(id=request.id, properties=found, inputs=found)

    def Delete(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def _status(self, resource: Properties) -> str:
        listed = self._client.describe_db_instances(DBInstanceIdentifier=resource["identifier"])
        return str(listed["DBInstances"][0]["DBInstanceStatus"])

    def _change(self, resource: Properties, context: Any) -> None:
        if (status := self._status(resource)) != "available":
            context.abort(grpc.StatusCode.UNKNOWN, f"unexpected state '{status}', wanted target 'available'")
        if resource["state"] == "stopped":
            self._client.stop_db_instance(DBInstanceIdentifier=resource["identifier"])


if __name__ == "__main__":
    server = grpc.server(futures.ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Rds(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()
