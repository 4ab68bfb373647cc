"""The rank that adapters are padded to."""

_RANKS = (16, 64, 256)


def padded(r: int) -> int:
    """Returns the rank that a trial's adapter is padded to; trials of equal padded rank can share a pack.

    A function of the trial's own rank, not of its neighbours': batched products of another inner size round otherwise.
    Steps of four keep the padding's cost small and a sweep's packs few.
    """
    return next((most for most in _RANKS if r <= most), r)
