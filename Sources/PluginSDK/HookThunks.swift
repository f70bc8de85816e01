// HOT PATH: one C call and one Swift method per hook; no retain, no allocation.
internal import PluginABI

/// The C functions that the host calls. The state of an instance is its `Plugin` object, which the host releases last
/// (`destroy`), so the thunks borrow it without counting.
enum HookThunks {
    static let authConnect: hl_auth_connect_fn = { state, call, connect in
        guard let state, let call, let connect else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.authConnect(ConnectCall(call: call, connect)).raw
        }
    }

    static let authExchange: hl_auth_exchange_fn = { state, call, exchange in
        guard let state, let call, let exchange else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.authExchange(ExchangeCall(call: call, exchange)).raw
        }
    }

    static let aclSubscribe: hl_acl_subscribe_fn = { state, call, subscribe in
        guard let state, let call, let subscribe else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.aclSubscribe(SubscribeCall(call: call, subscribe)).raw
        }
    }

    static let aclPublish: hl_acl_publish_fn = { state, call, message in
        guard let state, let call, let message else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.aclPublish(PublishCall(call: call, message)).raw
        }
    }

    static let aclDeliver: hl_acl_deliver_fn = { state, call, delivery in
        guard let state, let call, let delivery else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.aclDeliver(DeliveryCall(call: call, delivery)).raw
        }
    }

    static let messageIn: hl_msg_in_fn = { state, call, message in
        guard let state, let call, let message else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.messageIn(MessageCall(call: call, message)).raw
        }
    }

    static let connectionAccept: hl_conn_accept_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.connectionAccept(AcceptCall(call: call, input)).raw
        }
    }

    static let tlsPreSharedKey: hl_tls_psk_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.tlsPreSharedKey(KeyCall(call: call, input)).raw
        }
    }

    static let tlsPeer: hl_tls_peer_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.tlsPeer(PeerCall(call: call, input)).raw
        }
    }

    static let sessionOpen: hl_session_open_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.sessionOpen(SessionCall(call: call, input)).raw
        }
    }

    static let messageStore: hl_msg_store_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.messageStore(MessageCall(call: call, input)).raw
        }
    }

    static let messageRoute: hl_msg_route_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.messageRoute(RouteCall(call: call, input)).raw
        }
    }

    static let messageOut: hl_msg_out_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.messageOut(OutgoingCall(call: call, input)).raw
        }
    }

    static let willPublish: hl_will_publish_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.willPublish(MessageCall(call: call, input)).raw
        }
    }

    static let retainSet: hl_retain_set_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.retainSet(MessageCall(call: call, input)).raw
        }
    }

    static let retainGet: hl_retain_get_fn = { state, call, input in
        guard let state, let call, let input else { return HL_ERROR }
        return Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.retainGet(RetainedCall(call: call, input)).raw
        }
    }

    static let notify: hl_notify_fn = { state, call, event in
        guard let state, let call, let event else { return }
        Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef {
            $0.notify(EventCall(call: call, event))
        }
    }

    /// Runs on a worker for a call that a hook has deferred, and completes it.
    static let deferred: hl_deferred_fn = { state, call in
        guard let state, let call else { return }
        let verdict = Unmanaged<Plugin>.fromOpaque(state)._withUnsafeGuaranteedRef { answerDeferred($0, call) }
        _ = call.pointee.api?.pointee.complete?(call, verdict)
    }

    private static func answerDeferred(_ plugin: Plugin, _ call: UnsafeMutablePointer<hl_call>) -> UInt32 {
        guard let input = call.pointee.input else { return HL_ERROR }
        switch Hook(rawValue: call.pointee.hook) {
        case .authConnect:
            let connect = input.assumingMemoryBound(to: hl_connect.self)
            return plugin.authConnectDeferred(ConnectCall(call: call, connect)).raw
        case .authExchange:
            let exchange = input.assumingMemoryBound(to: hl_exchange.self)
            return plugin.authExchangeDeferred(ExchangeCall(call: call, exchange)).raw
        case .aclSubscribe:
            let subscribe = input.assumingMemoryBound(to: hl_subscribe.self)
            return plugin.aclSubscribeDeferred(SubscribeCall(call: call, subscribe)).raw
        case .messageIn:
            let message = input.assumingMemoryBound(to: hl_msg.self)
            return plugin.messageInDeferred(MessageCall(call: call, message)).raw
        default:
            return HL_ERROR
        }
    }

    /// As `register_hook` takes it: the host knows the type by the hook's id.
    static func function(for hook: Hook) -> hl_hook_fn {
        switch hook {
        case .authConnect: unsafeBitCast(authConnect, to: hl_hook_fn.self)
        case .authExchange: unsafeBitCast(authExchange, to: hl_hook_fn.self)
        case .aclSubscribe: unsafeBitCast(aclSubscribe, to: hl_hook_fn.self)
        case .aclPublish: unsafeBitCast(aclPublish, to: hl_hook_fn.self)
        case .aclDeliver: unsafeBitCast(aclDeliver, to: hl_hook_fn.self)
        case .messageIn: unsafeBitCast(messageIn, to: hl_hook_fn.self)
        case .connectionAccept: unsafeBitCast(connectionAccept, to: hl_hook_fn.self)
        case .tlsPreSharedKey: unsafeBitCast(tlsPreSharedKey, to: hl_hook_fn.self)
        case .tlsPeer: unsafeBitCast(tlsPeer, to: hl_hook_fn.self)
        case .sessionOpen: unsafeBitCast(sessionOpen, to: hl_hook_fn.self)
        case .messageStore: unsafeBitCast(messageStore, to: hl_hook_fn.self)
        case .messageRoute: unsafeBitCast(messageRoute, to: hl_hook_fn.self)
        case .messageOut: unsafeBitCast(messageOut, to: hl_hook_fn.self)
        case .willPublish: unsafeBitCast(willPublish, to: hl_hook_fn.self)
        case .retainSet: unsafeBitCast(retainSet, to: hl_hook_fn.self)
        case .retainGet: unsafeBitCast(retainGet, to: hl_hook_fn.self)
        case .notifyConnected, .notifyDisconnected, .notifyOffline, .notifyExpired, .notifyTakenOver,
            .notifySubscribed, .notifyUnsubscribed, .notifyPublished, .notifyAcked, .notifyDelivered, .notifyDropped,
            .notifyStats:
            unsafeBitCast(notify, to: hl_hook_fn.self)
        }
    }
}
