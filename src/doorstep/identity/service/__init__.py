"""Use cases of identity: the operator's, the company's own, and authentication."""

from doorstep.identity.service.authenticating import CACHE_SECONDS as CACHE_SECONDS
from doorstep.identity.service.authenticating import Authenticator as Authenticator
from doorstep.identity.service.issuing import create_key as create_key
from doorstep.identity.service.issuing import list_keys as list_keys
from doorstep.identity.service.issuing import revoke_key as revoke_key
from doorstep.identity.service.issuing import revoke_keys_named as revoke_keys_named
from doorstep.identity.service.tenants import NewTenant as NewTenant
from doorstep.identity.service.tenants import clock_of as clock_of
from doorstep.identity.service.tenants import create_organization as create_organization
from doorstep.identity.service.tenants import create_tenant as create_tenant
from doorstep.identity.service.tenants import list_tenants as list_tenants
from doorstep.identity.service.tenants import set_clock as set_clock
from doorstep.identity.service.tenants import system_principal as system_principal
from doorstep.identity.service.tenants import tenant_by_slug as tenant_by_slug
from doorstep.identity.service.usage import check_solver_seconds as check_solver_seconds
from doorstep.identity.service.usage import count_orders as count_orders
from doorstep.identity.service.usage import spend_solver_seconds as spend_solver_seconds
