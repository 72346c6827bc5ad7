"""The files that Spark's image has beside the distribution, by which Kubernetes starts Spark."""

from tests.testbed.images.layers import Folder, Part, Text

ENTRYPOINT = "/opt/entrypoint.sh"
WORK_DIRECTORY = "/opt/spark/work-dir"
_USER = 185

# What resource-managers/kubernetes/docker/…/entrypoint.sh of Spark does for the commands that the
# scheduler gives to a pod, `driver` and `executor`; PyPI's package does not hold that file.
_SCRIPT = """\
#!/bin/bash
set -e
classpath="$SPARK_CLASSPATH:$SPARK_HOME/jars/*"
[ -z "$HADOOP_CONF_DIR" ] || classpath="$HADOOP_CONF_DIR:$classpath"
[ -z "$SPARK_CONF_DIR" ] && classpath="$SPARK_HOME/conf:$classpath" || classpath="$SPARK_CONF_DIR:$classpath"
options=()
for variable in "${!SPARK_JAVA_OPT_@}"; do options+=("${!variable}"); done
case "$1" in
driver)
    shift
    exec "$SPARK_HOME/bin/spark-submit" --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \\
        --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" --deploy-mode client "$@"
    ;;
executor)
    exec "$JAVA_HOME/bin/java" "${options[@]}" -Xms"$SPARK_EXECUTOR_MEMORY" -Xmx"$SPARK_EXECUTOR_MEMORY" \\
        -cp "$classpath:$SPARK_DIST_CLASSPATH" \\
        org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \\
        --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" \\
        --cores "$SPARK_EXECUTOR_CORES" --app-id "$SPARK_APPLICATION_ID" \\
        --hostname "$SPARK_EXECUTOR_POD_IP" --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \\
        --podName "$SPARK_EXECUTOR_POD_NAME"
    ;;
*)
    exec "$@"
    ;;
esac
"""


def parts() -> list[Part]:
    return [Text(ENTRYPOINT, _SCRIPT, 0o755), Folder(WORK_DIRECTORY, owner=_USER, mode=0o775)]
