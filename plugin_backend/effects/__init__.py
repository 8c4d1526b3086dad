"""Classic effects as streaming stages, made by name and controlled by tables: live, in renders and in plug-ins."""
