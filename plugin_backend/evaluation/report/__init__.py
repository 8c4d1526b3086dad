"""Write what an evaluation found: report.html, metrics.json and the model card."""
