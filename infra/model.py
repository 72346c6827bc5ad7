"""What every model of the stack's configuration shares."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")]
DatabaseName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
StreamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


class Model(BaseModel):
    """Unknown keys and wrong types are refused; nothing changes once read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
