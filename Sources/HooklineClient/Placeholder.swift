enum HooklineClientPlaceholder {}
