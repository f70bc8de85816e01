internal import PluginABI
internal import PluginSDK

/// A client as a test names it.
package struct FakeClient {
    package var id: String
    package var userName: String
    package var groups: [String]
    package var account: String
    package var address = "127.0.0.1:50000"
    package var connection: UInt64 = 1

    package init(_ id: String, user: String = "", groups: [String] = [], account: String = "") {
        self.id = id
        self.userName = user
        self.groups = groups
        self.account = account
    }

    /// Lends the client for one call.
    func lend<Result>(_ body: (UnsafePointer<hl_client>) -> Result) -> Result {
        let texts = ([id, userName, address, account] + groups).map(LentText.init)
        let views = texts.dropFirst(4).map(\.view)
        return withExtendedLifetime(texts) {
            views.withUnsafeBufferPointer { groups in
                var client = hl_client()
                client.struct_size = UInt32(MemoryLayout<hl_client>.size)
                client.client_id = texts[0].view
                client.username = texts[1].view
                client.address = texts[2].view
                client.account = texts[3].view
                client.connection = connection
                client.groups = groups.baseAddress
                client.group_count = UInt32(groups.count)
                return body(&client)
            }
        }
    }
}

extension FakeHost {
    /// `auth.connect`; `nil` stands for a field the packet does not have.
    package func connect(_ client: FakeClient, userName: String?, password: String?) -> Answer {
        let texts = [LentText(userName ?? ""), LentText(password ?? ""), LentText(client.id)]
        return client.lend { client in
            var connect = hl_connect()
            connect.struct_size = UInt32(MemoryLayout<hl_connect>.size)
            connect.client = client
            connect.client_id = texts[2].view
            connect.username = texts[0].view
            connect.password = texts[1].view
            if userName != nil { connect.flags |= HL_CONNECT_HAS_USERNAME }
            if password != nil { connect.flags |= HL_CONNECT_HAS_PASSWORD }
            return withUnsafePointer(to: connect) { connect in
                call(.authConnect, connect) { function, state, call in
                    unsafeBitCast(function, to: hl_auth_connect_fn.self)(state, call, connect)
                }
            }
        }
    }

    /// `auth.exchange`: one step. `memo` is that of the answer before; at step 0 of a log-in the client sends CONNECT.
    package func exchange(
        _ client: FakeClient, method: String, data: [UInt8], memo: [UInt8] = [], step: UInt32 = 0,
        isReauthentication: Bool = false
    ) -> Answer {
        let method = LentText(method)
        return client.lend { client in
            data.withUnsafeBufferPointer { data in
                memo.withUnsafeBufferPointer { memo in
                    var exchange = hl_exchange()
                    exchange.struct_size = UInt32(MemoryLayout<hl_exchange>.size)
                    exchange.flags = isReauthentication ? HL_EXCHANGE_AGAIN : 0
                    exchange.client = client
                    exchange.method = method.view
                    exchange.data = hl_view(ptr: data.baseAddress, len: UInt64(data.count))
                    exchange.memo = hl_view(ptr: memo.baseAddress, len: UInt64(memo.count))
                    exchange.step = step
                    return withUnsafePointer(to: exchange) { exchange in
                        call(.authExchange, exchange) { function, state, call in
                            unsafeBitCast(function, to: hl_auth_exchange_fn.self)(state, call, exchange)
                        }
                    }
                }
            }
        }
    }

    /// `acl.publish`
    package func publish(_ topic: String, by client: FakeClient) -> Answer {
        lendMessage(topic, by: client) { message in
            call(.aclPublish, message) { function, state, call in
                unsafeBitCast(function, to: hl_acl_publish_fn.self)(state, call, message)
            }
        }
    }

    /// `msg.in`
    /// - Parameter properties: in wire form.
    package func messageIn(_ topic: String, properties: [UInt8], by client: FakeClient) -> Answer {
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(properties.count, 1))
        copy.initialize(from: properties, count: properties.count)
        defer { copy.deallocate() }
        return lendMessage(topic, by: client) { message in
            var message = message.pointee
            message.properties = hl_view(ptr: copy, len: UInt64(properties.count))
            return withUnsafePointer(to: message) { message in
                call(.messageIn, message) { function, state, call in
                    unsafeBitCast(function, to: hl_msg_in_fn.self)(state, call, message)
                }
            }
        }
    }

    /// `acl.subscribe`
    package func subscribe(_ filter: String, by client: FakeClient, isRecheck: Bool = false) -> Answer {
        let text = LentText(filter)
        return client.lend { client in
            var subscribe = hl_subscribe()
            subscribe.struct_size = UInt32(MemoryLayout<hl_subscribe>.size)
            subscribe.client = client
            if isRecheck { subscribe.flags |= HL_SUBSCRIBE_RECHECK }
            subscribe.filter = text.view
            return withUnsafePointer(to: subscribe) { subscribe in
                call(.aclSubscribe, subscribe) { function, state, call in
                    unsafeBitCast(function, to: hl_acl_subscribe_fn.self)(state, call, subscribe)
                }
            }
        }
    }

    /// `acl.deliver` for up to 64 receivers.
    package func deliver(_ topic: String, to receivers: [FakeClient]) -> Answer {
        var lent: [hl_receiver] = []
        func lendAll(_ rest: ArraySlice<FakeClient>, _ body: () -> Answer) -> Answer {
            guard let first = rest.first else { return body() }
            return first.lend { client in
                var receiver = hl_receiver()
                receiver.client = client
                lent.append(receiver)
                return lendAll(rest.dropFirst(), body)
            }
        }
        return lendMessage(topic, by: FakeClient("publisher")) { message in
            lendAll(receivers[...]) { deliver(message, to: lent) }
        }
    }

    private func deliver(_ message: UnsafePointer<hl_msg>, to receivers: [hl_receiver]) -> Answer {
        var (allow, deny): (UInt64, UInt64) = (0, 0)
        var answer = Answer()
        withUnsafeMutablePointer(to: &allow) { allow in
            withUnsafeMutablePointer(to: &deny) { deny in
                receivers.withUnsafeBufferPointer { receivers in
                    var delivery = hl_delivery()
                    delivery.struct_size = UInt32(MemoryLayout<hl_delivery>.size)
                    delivery.msg = message
                    delivery.receivers = receivers.baseAddress
                    delivery.receiver_count = UInt32(receivers.count)
                    delivery.receiver_stride = UInt32(MemoryLayout<hl_receiver>.stride)
                    (delivery.allow, delivery.deny) = (allow, deny)
                    answer = withUnsafePointer(to: delivery) { delivery in
                        call(.aclDeliver, delivery) { function, state, call in
                            unsafeBitCast(function, to: hl_acl_deliver_fn.self)(state, call, delivery)
                        }
                    }
                }
            }
        }
        (answer.allowed, answer.denied) = (allow, deny)
        return answer
    }

    private func lendMessage(
        _ topic: String, by client: FakeClient, _ body: (UnsafePointer<hl_msg>) -> Answer
    ) -> Answer {
        let text = LentText(topic)
        return client.lend { client in
            var message = hl_msg()
            message.struct_size = UInt32(MemoryLayout<hl_msg>.size)
            message.topic = text.view
            message.publisher = client
            return withExtendedLifetime(text) { body(&message) }
        }
    }
}
