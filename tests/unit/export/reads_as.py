#!/usr/bin/env python3
"""Prints a YAML stream as JSON, read by another parser than the one that wrote it, with the contents of Ignition's files
in the place of their data: URLs. Fails where a key is there twice, or is no text."""
import json
import sys
import urllib.request

import yaml


class Strict(yaml.SafeLoader):
    """YAML 1.1, which takes more words for something else than a string than 1.2 does."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise ValueError(f"a key is there twice: {keys}")
        if not all(isinstance(key, str) for key in keys):
            raise ValueError(f"a key is no string: {keys}")
        return super().construct_mapping(node, deep)


def with_contents(value):
    if isinstance(value, dict):
        source = value.get("source")
        if isinstance(source, str) and source.startswith("data:"):
            with urllib.request.urlopen(source) as content:
                return content.read().decode()
        return {key: with_contents(inner) for key, inner in value.items()}
    return [with_contents(inner) for inner in value] if isinstance(value, list) else value


def main():
    documents = list(yaml.load_all(sys.stdin.buffer, Loader=Strict))
    json.dump(with_contents(documents), sys.stdout, sort_keys=True)


if __name__ == "__main__":
    main()
