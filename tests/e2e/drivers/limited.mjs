// Visits a page that is recorded for a project over its quota, and goes on changing it until the recorder has handed over
// two more pieces and an event was delivered after that. Prints what was sent and answered on /s/, in order.
//   node limited.mjs '{"page": "http://…/recorded.html?…", "chromium": "/usr/bin/chromium"}'
import { open, until } from './chromium.mjs'

const options = JSON.parse(process.argv[2])
const { page, complaints, delivered, close } = await open(options.chromium)
const log = []
const isRecording = (request) => new URL(request.url()).pathname === '/s/'
page.on('request', (request) => isRecording(request) && log.push('sent'))
page.on('response', async (response) => isRecording(response.request()) && log.push(await response.text()))
const pieces = () => page.evaluate(() => names.filter((name) => name === '$snapshot').length)
const change = (text) => page.evaluate((text) => (document.getElementById('title').textContent = text), text)

await page.goto(options.page)
await page.waitForFunction(() => window.posthog?.sessionRecordingStarted?.())
// A recorder sends nothing of a page that nobody has touched.
await page.click('#dark')
await until(page, 'no piece of a recording is answered', () => log.some((line) => line !== 'sent'))
const first = await pieces()
let changes = 0
await until(page, 'the recorder does not go on', async () => {
    await change(`change ${++changes}`)
    return (await pieces()) >= first + 2
})
await page.evaluate(() => posthog.capture('after the limit'))
await until(page, 'events do not go on', () => delivered.some(({ body }) => body.includes('after the limit')))
const result = JSON.stringify({ log, complaints })
await close()
process.stdout.write(result)
