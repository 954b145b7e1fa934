"""The simulator, held to what it promises."""
