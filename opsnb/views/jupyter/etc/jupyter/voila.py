# Read by a `voila` that is started by hand. The apps are served by `opsnb apps`, which closes what Voila leaves open; this closes what can be closed here.
from opsnb.runs import replies

replies.apply()

c = get_config()  # noqa: F821
c.VoilaConfiguration.allow_template_override = "NO"
c.VoilaConfiguration.allow_theme_override = "NO"
c.VoilaConfiguration.strip_sources = True
c.VoilaConfiguration.show_tracebacks = False
c.VoilaConfiguration.file_allowlist = ["(?!)"]  # no file of the folder is served
