"""The tags of every resource."""

from collections.abc import Mapping

from providers.ownership import Ownership


class Tags(Ownership):
    """Of one stack."""

    def of(self, component: str, name: str | None = None) -> Mapping[str, str]:
        """The tags of a resource of `component`; `name` is what the console shows."""
        return {**self.known(component), **({} if name is None else {"Name": name})}
