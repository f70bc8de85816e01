import Configuration

/// What a request has done. Called on the control thread; `answer` is called there too, at once or later, exactly once.
protocol ControlCommands: AnyObject {
    func perform(_ request: ControlRequest, answer: @escaping (ControlAnswer) -> Void)
}
