import Configuration
import Testing

@testable import hookline

@Suite struct AnswerTableTests {
    @Test func anAnswerIsShownWithListsBelowTheirKeys() {
        let answer = ControlAnswer.done([
            ("state", "ready"), ("pid", 7), ("sent", [1, 2, 3]), ("drops", ["full": 4, "gone": 0]), ("none", []),
            ("listeners", [["name": "tcp", "port": 1883], ["name": "b", "port": 0]]),
        ])
        #expect(
            answer.table == """
                state      ready
                pid        7
                sent       1, 2, 3
                drops      full 4
                           gone 0
                none       none
                listeners  name=tcp port=1883
                           name=b port=0

                """)
        #expect(ControlAnswer.done().table.isEmpty)
    }
}
