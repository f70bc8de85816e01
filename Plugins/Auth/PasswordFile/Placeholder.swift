enum PasswordFilePlaceholder {}
