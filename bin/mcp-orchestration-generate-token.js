#!/usr/bin/env node
import('./start.js').then(({ start }) => start(['generate-token']));
