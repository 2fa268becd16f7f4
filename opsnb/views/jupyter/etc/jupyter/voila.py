# Read by every `voila` of this environment, also one started by hand in the notebooks' folder.
import sys
import tempfile

from opsnb.runs import kernels, replies
from opsnb.views import apps

replies.apply()

c = get_config()  # noqa: F821
c.VoilaConfiguration.template = "opsnb"
c.VoilaConfiguration.classic_tree = True
c.VoilaConfiguration.allow_template_override = "NO"
c.VoilaConfiguration.allow_theme_override = "NO"
c.VoilaConfiguration.strip_sources = True
c.VoilaConfiguration.show_tracebacks = False
c.VoilaConfiguration.file_allowlist = ["(?!)"]  # no file of the folder is served
c.VoilaConfiguration.prelaunch_hook = apps.prepare
c.VoilaConfiguration.extension_config = {"opsnb": apps.words()}
c.VoilaExecutor.timeout = 600
c.MappingKernelManager.cull_idle_timeout = 1800
c.MappingKernelManager.cull_interval = 120
if sys.platform != "win32" and kernels.fits(tempfile.gettempdir() + "/voila_00000000" + kernels.SERVER_SOCKET):
    c.KernelManager.transport = "ipc"  # no open ports
