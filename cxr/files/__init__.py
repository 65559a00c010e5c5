"""Behind `cxr.radiograph`: the kinds of files that films come in, none of them to be trusted."""

__all__: list[str] = []
