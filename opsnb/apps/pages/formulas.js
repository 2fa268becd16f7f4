// Pages of ours hold no formulas: this stands where Voila's script would load MathJax from another host.
window.MathJax = { Hub: { Config: function () {}, Configured: function () {}, Queue: function () {}, Register: { StartupHook: function () {} } } };
