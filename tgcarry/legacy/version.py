"""The version that an old program is told."""

VERSION = "1.15.5"
