"""What reaches outside, beside the services: webhooks for chosen events, and the look-up of callers in a CRM."""
