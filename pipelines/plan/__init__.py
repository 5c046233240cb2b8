"""`fillwise plan`: draft a rollout's plan from this desk's own flow, simulate it, show it, say why it is refused."""
