// Replays the rrweb events in a file and prints what the page looks like at the end, and how much its picture and that of
// its canvas differ from those in the folder `output` (at the beginning as well, which shows that the measure is one).
//   node replay.mjs '{"page": "http://…/replay.html", "events": "/tmp/…", "viewport": [1, 1], "chromium": "…", "output": "…"}'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { open, until } from './chromium.mjs'

const options = JSON.parse(process.argv[2])
const { page, complaints, close } = await open(options.chromium)
const [width, height] = options.viewport
const picture = async (name) => `data:image/png;base64,${await readFile(join(options.output, name), 'base64')}`
const recorded = { page: await picture('page.png'), canvas: await picture('canvas.png') }

const difference = (one, other) =>
    page.evaluate(async ([one, other]) => (await import('/look.js')).difference(one, other), [one, other])
const pageDifference = async (name) => {
    const shot = await page.screenshot({ path: join(options.output, name) })
    return difference(recorded.page, `data:image/png;base64,${shot.toString('base64')}`)
}
const canvasDifference = async () =>
    difference(recorded.canvas, await page.evaluate(() =>
        replayer.iframe.contentDocument.getElementById('canvas').toDataURL()
    ))

await page.setViewportSize({ width, height })
await page.goto(options.page)
await page.waitForFunction(() => window.loaded)
await page.evaluate((events) => {
    play(events)
    // The first event that shows something is the full snapshot.
    const snapshot = events.find(({ type }) => type === 2)
    replayer.pause(snapshot.timestamp - events[0].timestamp + 1)
}, JSON.parse(await readFile(options.events)))
const before = { page: await pageDifference('replay-begin.png'), canvas: await canvasDifference() }
await page.evaluate(() => replayer.pause(replayer.getMetaData().totalTime))
// The pictures in the recording are decoded at leisure.
let canvas = 1
await until(page, 'the canvas', async () => (canvas = await canvasDifference()) < options.tolerance).catch(() => {})
const after = { page: await pageDifference('replay-end.png'), canvas }
const look = await page.evaluate(async () => (await import('/look.js')).describe(replayer.iframe.contentDocument))
await close()
process.stdout.write(JSON.stringify({ look, before, after, complaints }))
