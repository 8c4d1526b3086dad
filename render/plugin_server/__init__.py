"""The backend process of the DAW plug-in: a keeper, the server it forks, and the engines that answer hops."""
