import stat
from pathlib import Path
from typing import Any

import pytest

from apps.pipelines.flights import session
from apps.pipelines.flights.errors import SparkError
from apps.pipelines.flights.spec import SPEC

SECRETS = ("s3-sentinel", "rpc-sentinel")


def test_secrets_are_in_properties_that_spark_redacts_or_keeps_off_command_lines(
    spec: dict[str, Any], tmp_path: Path
) -> None:
    properties = session.properties(SPEC.validate_python(spec), tmp_path)
    holders = {name for name, value in properties.items() if any(secret in value for secret in SECRETS)}
    assert holders == {
        "spark.authenticate.secret",
        "spark.hadoop.fs.s3a.secret.key",
        "spark.sql.catalog.lakehouse.s3.secret-access-key",
    }


def test_the_spec_has_the_last_word(spec: dict[str, Any], tmp_path: Path) -> None:
    spec["spark"]["conf"] = {"spark.driver.memory": "2g"}
    spec["catalog"]["properties"] = {"type": "hadoop"}
    properties = session.properties(SPEC.validate_python(spec), tmp_path)
    assert properties["spark.driver.memory"] == "2g"
    assert properties["spark.sql.catalog.lakehouse.type"] == "hadoop"


@pytest.mark.parametrize("jvm", ["driver", "executor"])
def test_options_of_a_jvm_are_added_to_those_of_the_pipeline(
    spec: dict[str, Any], tmp_path: Path, jvm: str
) -> None:
    """Which keep its files out of a /tmp that others share."""
    name = f"spark.{jvm}.extraJavaOptions"
    own = session.properties(SPEC.validate_python(spec), tmp_path)[name]
    spec["spark"]["conf"] = {name: "-Djavax.net.ssl.trustStore=/store.p12"}
    properties = session.properties(SPEC.validate_python(spec), tmp_path)
    assert properties[name] == f"{own} -Djavax.net.ssl.trustStore=/store.p12"
    assert "-Djava.io.tmpdir=" in own


def test_without_a_secret_nothing_is_authenticated(spec: dict[str, Any], tmp_path: Path) -> None:
    del spec["spark"]["auth_secret"]
    properties = session.properties(SPEC.validate_python(spec), tmp_path)
    assert not [name for name in properties if name.startswith("spark.authenticate")]


def test_the_configuration_is_its_owners_alone(tmp_path: Path) -> None:
    session.write_configuration(tmp_path / "conf", {"spark.x": "back\\slash"})
    written = tmp_path / "conf" / "spark-defaults.conf"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert written.read_text(encoding="utf-8") == "spark.x=back\\\\slash\n"


@pytest.mark.parametrize("home", [None, "nowhere"])
def test_a_missing_spark_is_explained(
    home: str | None, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPARK_HOME", raising=False)
    if home:
        monkeypatch.setenv("SPARK_HOME", home)
    with pytest.raises(SparkError, match="SPARK_HOME"), session.connect(SPEC.validate_python(spec)):
        pass
