import HandOver
import Lastmile
import Testing

@Test func theTitleNamesTheVersion() {
    let lastmile = Lastmile()
    #expect(HandOverScreen(lastmile).title == "Lastmile \(lastmile.version())")
}
