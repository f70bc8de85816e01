enum PluginSDKPlaceholder {}
