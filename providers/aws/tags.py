"""Makes the tags of every resource."""

from collections.abc import Mapping

from providers.ownership import Ownership


class Tags(Ownership):
    """The tags of one stack."""

    def of(self, component: str, name: str | None = None) -> Mapping[str, str]:
        """Returns the tags of a resource of `component`; the console shows `name`."""
        return {**self.known(component), **({} if name is None else {"Name": name})}
