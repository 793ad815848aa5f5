from strangler.toolkit.cli import app

app(prog_name="strangler")
