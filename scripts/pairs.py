"""Files of pairs, as `edgeinf eval answer` and `edgeinf train` read them, for the scripts beside it."""

import json
import statistics


def write_pairs(path, pairs):
    """Writes a line for each pair, and prints how long documents and references are."""
    path.write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8")
    sizes = []
    for key in ("document", "reference"):
        lengths = [len(pair[key]) for pair in pairs]
        sizes.append(f"{key}s of {min(lengths):,} / {statistics.median(lengths):,.0f} / {max(lengths):,}")
    print(f"{path.name}: {len(pairs)} pairs, {', '.join(sizes)} characters (least, median, most)")
