// Visits a page that is recorded, changes it in every way there is, and leaves when all of it is delivered. Prints what the
// page looked like at last; its picture, and that of its canvas, are files in `output`.
//   node record.mjs '{"page": "http://…/recorded.html?…", "after": "http://…/blank", "chromium": "…", "output": "/tmp/…"}'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { open, until } from './chromium.mjs'

const CANVAS_MUTATION = 9

const options = JSON.parse(process.argv[2])
const { page, complaints, answers, delivered, underWay, close } = await open(options.chromium)
const items = () =>
    delivered
        .filter(({ url }) => new URL(url).pathname === '/s/')
        .flatMap(({ body }) => [JSON.parse(body)].flat())
        .flatMap(({ properties }) => properties.$snapshot_data)
const painted = (time) =>
    items().some(({ type, data, timestamp }) => type === 3 && data.source === CANVAS_MUTATION && timestamp >= time)
const said = (text) => items().some(({ type, data }) => type === 6 && JSON.stringify(data).includes(text))

await page.goto(options.page)
await page.waitForFunction(() => window.posthog?.sessionRecordingStarted?.())
const first = await page.evaluate(() => draw('crimson', 10))
await page.locator('#name').pressSequentially('Grüße <b>☃</b>')
await page.fill('#secret', 'hunter2-hunter2')
await page.check('#agree')
await page.selectOption('#size', 'l')
await page.fill('#note', 'two\nlines')
await page.click('#change')
await page.evaluate(() => {
    console.log('a line on the console', { with: 'an object' })
    document.getElementById('log').scrollTop = 200
})
await page.evaluate(() => request())
await page.click('#dark')
await until(page, 'the first picture of the canvas', () => painted(first))
const last = await page.evaluate(() => {
    document.activeElement.blur()
    scrollTo(0, 40)
    return draw('navy', 130)
})

const look = await page.evaluate(async () => (await import('/look.js')).describe(document))
const canvas = await page.evaluate(() => document.getElementById('canvas').toDataURL())
await writeFile(join(options.output, 'canvas.png'), Buffer.from(canvas.split(',')[1], 'base64'))
await page.screenshot({ path: join(options.output, 'page.png') })
const { session, viewport } = await page.evaluate(() => {
    console.info('the page was looked at')
    return { session: posthog.get_session_id(), viewport: [innerWidth, innerHeight] }
})
await until(page, 'the end of the recording', () => painted(last) && said('the page was looked at'))
// What is under way when a page goes away may be lost; what is recorded last leaves with the page.
await until(page, 'requests are not answered', () => underWay.size === 0)
await page.evaluate(() => console.info('goodbye'))
await page.goto(options.after)
await page.waitForLoadState('networkidle')
await close()
process.stdout.write(JSON.stringify({ look, session, viewport, complaints, answers }))
