"""What must be known of a network to ask it for scores and maps: no graph, no weights."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Facts"]


@dataclass(frozen=True)
class Facts:
    """A network's input, and its layers that can be mapped.

    Attributes
    ----------
    name : str
        Of the architecture, for people.
    input_shape : tuple of int
        Height, width and channels of a film.
    convolutions : tuple of str
        From the film to the score.
    layers : tuple of str
        All layers that keep rows and columns, from the first convolution on.
    """

    name: str
    input_shape: tuple[int, int, int]
    convolutions: tuple[str, ...]
    layers: tuple[str, ...]

    def layer(self, name: str | None = None) -> str:
        """Check the name of a layer to map, or name the last convolution if none is given.

        Raises
        ------
        ValueError
            If the network has no convolution or no such layer.
        """
        if not self.convolutions:
            raise ValueError(f"{self.name} has no convolution, so it has no heatmap of this kind.")
        if name is None:
            return self.convolutions[-1]
        if name in self.layers:
            return name
        known = ", ".join(self.convolutions)
        raise ValueError(f"Expected a layer of {known}. Received: {name!r}")
