"""Folders by the thousand: films read by worker processes, scored in batches, rows kept at once.

`reading` has the processes, `pipeline` the way of the films, `checkpoints` the file that a kill at
any moment leaves whole, `rows` its formats.
"""

__all__: list[str] = []
