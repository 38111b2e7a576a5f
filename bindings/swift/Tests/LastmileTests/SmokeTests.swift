import Lastmile
import Testing

@Test func theLibraryLoadsAndTellsItsVersion() {
    #expect(Lastmile().version().split(separator: ".").count == 3)
}
