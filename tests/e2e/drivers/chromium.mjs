// Headless Chromium as all drivers use it: a fresh profile, everything that is wrong written down, every delivery seen.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'

// → {page, complaints, answers, delivered, underWay, close}. `delivered` holds {url, body} of each POST that was answered,
// the body unzipped; `answers` [method, URL, status] of all requests; `underWay` those without an answer.
export const open = async (executablePath) => {
    const profile = await mkdtemp(join(tmpdir(), 'chromium-'))
    const context = await chromium.launchPersistentContext(profile, {
        executablePath,
        headless: true,
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
            '--disable-component-update', '--disable-sync'],
    })
    const complaints = []
    const answers = []
    const delivered = []
    const underWay = new Set()
    const page = await context.newPage()
    page.setDefaultTimeout(30_000)
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`)
    })
    page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
    page.on('request', (request) => underWay.add(request))
    page.on('requestfailed', (request) => {
        underWay.delete(request)
        complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`)
    })
    page.on('response', (response) => answers.push([response.request().method(), response.url(), response.status()]))
    page.on('requestfinished', (request) => {
        underWay.delete(request)
        const body = request.method() === 'POST' && request.postDataBuffer()
        if (body) delivered.push({ url: request.url(), body: (body[0] === 0x1f ? gunzipSync(body) : body).toString() })
    })
    const close = async () => {
        await context.close()
        await rm(profile, { recursive: true, force: true })
    }
    return { page, complaints, answers, delivered, underWay, close }
}

// Polls; a driver that waits in vain ends with the reason.
export const until = async (page, what, condition) => {
    for (const end = Date.now() + 30_000; !(await condition()); await page.waitForTimeout(50))
        if (Date.now() > end) throw new Error(`timed out: ${what}`)
}
