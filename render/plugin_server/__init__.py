"""The backend process of the DAW plug-in: a supervisor, the server that it forks, and the engines that process hops."""
