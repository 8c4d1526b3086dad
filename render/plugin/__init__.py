"""The former name of :mod:`render.plugin_server`, which installed plug-in bundles of older versions still start."""
