from __future__ import annotations

import sys
from pathlib import Path

# Several tests share `skies` and `fields`.
sys.path.insert(0, str(Path(__file__).parent))
